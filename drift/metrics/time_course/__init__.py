"""How measures run over sessions: lags, turnover, phases of learning, times of sparsification."""
