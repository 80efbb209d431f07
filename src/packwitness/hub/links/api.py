from ninja import Router

integrators = Router(tags=["links"])
