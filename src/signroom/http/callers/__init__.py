"""Who calls: by which key, how often, and what becomes of the answer when they hang up."""
