"""What tells a bench that a code arrived.

The scanner and HTTP come in by the kiosk's door; what a camera sees is read and judged here.
"""
