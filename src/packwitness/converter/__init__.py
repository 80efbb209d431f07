"""The converter: H.265 in, H.264 out, for browsers that cannot show the original.

A program of its own (``python -m packwitness.converter``) between two pipes. Only it loads FFmpeg; whoever
starts it needs ``contract`` alone. Original parts go in one by one, and for each comes out a part that shows
the same pictures at the same times. It opens no file and no socket once it has begun, for what it decodes was
sent by somebody else's machine.
"""
