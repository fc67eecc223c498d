"""Tables as Markdown, made from result lines alone, and the tests behind them."""
