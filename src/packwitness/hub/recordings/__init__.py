"""Takes, films, spans and playback."""
