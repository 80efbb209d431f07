from ninja import Router

integrators = Router(tags=["recordings"])
station = Router()
