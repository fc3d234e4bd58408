"""The control API under /sandbox: tests and the phone's page drive the imitation with it and read what happened."""
