"""Sign every PDF of a folder and let every judge look at it: ``make corpus FOLDER=...``."""
