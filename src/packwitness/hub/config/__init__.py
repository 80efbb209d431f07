"""What holds the rooms together: settings, addresses, who hears which event."""
