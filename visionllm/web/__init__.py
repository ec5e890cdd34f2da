"""The web page and the REST API of one model. Importing it loads nothing heavy."""
