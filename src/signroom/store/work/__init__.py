"""One transaction on a database: each part has its statements in a file of its own."""
