"""Keys and certificates, receipts, log, time stamps: over opaque digests, knows no film."""
