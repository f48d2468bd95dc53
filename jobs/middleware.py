from dramatiq import Middleware


class LedgerMiddleware(Middleware): ...
