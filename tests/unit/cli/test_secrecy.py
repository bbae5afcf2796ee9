import pytest

from vectorshelf.cli.secrecy import without_secrets


@pytest.fixture(autouse=True)
def _secrets(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "postgresql://shelf:tr%40ub4dor@db.example/shop")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-abcdef123456")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", "postgresql://reader:correcthorse@shop.example/shop")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("key sk-abcdef123456 refused", "key *** refused"),
        (
            "cannot reach postgresql://shelf:tr%40ub4dor@db.example/shop",
            "cannot reach postgresql://shelf:***@db.example/shop",
        ),
        ("login shelf with tr@ub4dor", "login shelf with ***"),
        ("login reader with correcthorse", "login reader with ***"),
        ("https://me:hunter2@proxy:8080 timed out", "https://me:***@proxy:8080 timed out"),
        ("host=db password='two words' user=x", "host=db password=*** user=x"),
        ("10:30 mail a@b.c: nothing secret", "10:30 mail a@b.c: nothing secret"),
    ],
)
def test_secrets_of_the_environment_leave_no_message(text, clean):
    assert without_secrets(text) == clean


def test_a_short_secret_does_not_star_out_ordinary_words(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "the")
    assert without_secrets("the table is there") == "the table is there"
