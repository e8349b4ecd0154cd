"""Measurements of gto-ci beside what people use today. ``make bench`` runs them; see README.md here."""
