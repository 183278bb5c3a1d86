"""The parts of scripts/championship."""
