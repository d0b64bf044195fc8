"""Commands that manage subscriptions: one file for each group of commands."""
