"""The packer's screen: a small local web server."""
