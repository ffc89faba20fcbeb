"""The agent port, the quant agents, the panel that asks them, and how opinions become one."""
