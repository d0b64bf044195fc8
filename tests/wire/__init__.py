"""The wire contract, checked from outside: what applications and client libraries in the field send and read."""
