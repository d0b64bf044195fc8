"""Programs of this repository that its make targets and checks run; nothing of it is installed."""
