"""The seller's and agent's pages."""
