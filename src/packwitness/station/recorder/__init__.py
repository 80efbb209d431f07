"""From encoded packets to durable parts: ring, cutter, muxer, writer, and the process they live in."""
