"""OpenRouter: OpenAI's dialect, passed on to whoever serves the model, at prices of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutti.adapters.llm.by_http.openai import OpenAIDialect

if TYPE_CHECKING:
    from tutti.adapters.llm.by_http.dialect import Body, Price, Request
    from tutti.agents.llm.port import Call


class OpenRouterDialect(OpenAIDialect):
    """OpenRouter's servers, or any that speak as they do."""

    def __init__(self, url: str = "https://openrouter.ai/api/v1") -> None:
        super().__init__(url)

    def request(self, call: Call, model: str, refused: tuple[str, ...]) -> Request:
        """Return a call as a request, without the fields that the model has refused."""
        request = super().request(call, model, refused)
        if "reasoning" not in refused:
            # one word about thinking, which it passes on to any model's provider
            request.body["reasoning"] = {"effort": "minimal"}
        return request

    def bounds(self, price: Price) -> Body:
        """Return what keeps a request from those who take more; see ``Router``."""
        most = {
            "prompt": float(price.input_usd),
            "completion": float(price.output_usd),
            "request": float(price.call_usd),
        }
        return {"provider": {"max_price": most}}
