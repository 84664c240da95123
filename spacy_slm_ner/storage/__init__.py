"""Files of JSON Lines that a killed process leaves whole: a journal, and what follows from it."""
