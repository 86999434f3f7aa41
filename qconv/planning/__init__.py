"""Planning: what is asked for, checked and laid out, and what it will cost; nothing runs."""
