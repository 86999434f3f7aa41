"""Results: estimates with their standard errors."""
