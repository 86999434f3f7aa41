"""Planning: plans of convolutions, their options and cost, and the base class of methods."""
