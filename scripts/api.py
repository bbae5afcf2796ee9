"""The few questions we have for Airflow's REST API."""

from typing import Any

import httpx

from local_airflow import ADMIN, LocalAirflow


class Api:
    """A client with a token of its own. Raises httpx.HTTPError when the server does not answer or refuses."""

    def __init__(self, local: LocalAirflow) -> None:
        self._local = local
        self._client = httpx.Client(base_url=local.url, timeout=30, trust_env=False)

    def healthy(self, components: set[str]) -> bool:
        """Whether the server answers and these parts of Airflow send heartbeats."""
        try:
            answer = self._client.get("/api/v2/monitor/health")
        except httpx.TransportError:
            return False
        if answer.status_code != httpx.codes.OK:
            return False
        parts = answer.json()
        return all((parts.get(name) or {}).get("status") == "healthy" for name in components)

    def login(self) -> None:
        """Get a token with the generated password."""
        credentials = {"username": ADMIN, "password": self._local.secrets[ADMIN]}
        answer = self._client.post("/auth/token", json=credentials)
        self._client.headers["Authorization"] = f"Bearer {_checked(answer)['access_token']}"

    def get(self, path: str, **query: Any) -> Any:  # noqa: ANN401  JSON
        """GET below /api/v2."""
        return _checked(self._client.get(f"/api/v2{path}", params=query))

    def post(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401
        """POST below /api/v2."""
        return _checked(self._client.post(f"/api/v2{path}", json=body))

    def patch(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401
        """PATCH below /api/v2."""
        return _checked(self._client.patch(f"/api/v2{path}", json=body))

    def has_dag(self, dag_id: str) -> bool:
        """Whether the DAG processor has found this DAG."""
        return self._client.get(f"/api/v2/dags/{dag_id}").status_code == httpx.codes.OK


def _checked(answer: httpx.Response) -> Any:  # noqa: ANN401
    answer.raise_for_status()
    return answer.json()
