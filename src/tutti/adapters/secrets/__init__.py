"""Where keys come from: the environment, a file, a keyring, a command, a cloud's secret manager."""
