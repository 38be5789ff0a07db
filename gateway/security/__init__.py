"""Who may do what (keys), what must stay secret (vault), and where the gateway may connect to (egress)."""
