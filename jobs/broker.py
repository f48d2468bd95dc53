from dramatiq.brokers.stub import StubBroker


class EmbeddedLedgerBroker(StubBroker): ...


class RabbitmqLedgerBroker(StubBroker): ...
