"""Circuit building; nothing is run here."""
