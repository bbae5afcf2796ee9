from tests.unit.report.figures import SUCCESS, figures
from vectorshelf import report
from vectorshelf.report import run


def test_the_plain_report_has_every_figure_a_person_asks_for():
    text = report.plain(SUCCESS, recall_target=0.95)
    for shown in (
        "shop, 2026-11-22 02:00 UTC: done in 1 min 8 s",
        "19,406 read, 3 to quarantine: 12 new, 2 changed, 30 with other attributes, 8 deleted, 19,362 unchanged",
        "14 embedded in 1 request, 1,234 tokens, $0.00002468; 5 found in the store",
        "ivfflat, 19 lists, 5 probes, recall 0.981 (target 0.95); kept: it reaches its target",
        "extract 2.0 s (9,703 rows/s)",
        "embed 0.70 s (20 texts/s)",
        "load 0.26 s (200 rows/s)",
        "182 MB at most",
        "vectorshelf quarantine list shop",
        "vectorshelf search shop 'what you look for'",
    ):
        assert shown in text
    assert "vacuum 0" not in text


def test_a_plan_speaks_of_what_would_be_and_offers_no_search():
    text = report.plain(
        figures(status="planned", embedded=0, requests=10, tokens=400_000, cost_usd=0.008, quarantined=0)
    )
    assert "planned in" in text
    assert "about 10 requests with 400,000 tokens for $0.0080; 5 already in the store" in text
    assert "without --dry-run" in text
    assert "1.2 s of embedding at the current limits, 154 MB of table, 160 MB of index" in text
    assert "vectorshelf search" not in text


def test_a_plan_over_its_budget_says_so():
    text = report.plain(figures(status="planned", over_budget="would cost about $9, and the budget is $5 for this run"))
    assert "budget    it would cost about $9, and the budget is $5 for this run" in text


def test_batches_say_what_they_brought_and_what_they_did_not():
    batch = {"chosen": True, "reason": "half price saves about $2.00", "jobs": 2, "texts": 60_000, "stored": 59_000}
    text = report.plain(figures(batch={**batch, "notes": ["job 2 expired"]}))
    assert "batches   2 jobs with 60,000 texts, which brought 59,000 vectors at half price" in text
    planned = report.plain(figures(status="planned", batch={**batch, "notes": []}))
    assert "batches   through the Batch API: half price saves about $2.00" in planned
    assert "batches" not in report.plain(figures(batch={**batch, "chosen": False, "notes": []}))
    others = {**batch, "jobs": 0, "texts": 0, "stored": 0, "notes": []}
    assert "batches" not in report.plain(figures(batch=others)), "its texts were in another run's job"


def test_cut_texts_and_the_requests_that_poison_cost_are_said():
    text = report.plain(figures(truncated=3, requests=40, isolating=38))
    assert "3 too long for the model and cut" in text
    assert "; 38 extra requests to find refused texts" in text


def test_a_failure_shows_its_error_last_and_what_is_kept():
    text = report.plain(figures(status="failed", error="the disk is full", quarantined=0))
    assert "failed in" in text
    assert "error     the disk is full" in text
    assert "run it again: the 14 texts embedded so far are stored and not paid again" in text


def test_recall_below_its_target_is_said_and_what_to_do():
    low = {**SUCCESS["index"], "recall": 0.9}
    assert "recall 0.900 (below 0.95)" in report.plain(figures(index=low), recall_target=0.95)
    assert any("recall is below" in step for step in report.next_steps(figures(index=low), recall_target=0.95))
    assert not any("recall is below" in step for step in report.next_steps(SUCCESS, recall_target=0.95))


def test_a_quiet_night_says_that_there_was_nothing_to_embed():
    quiet = {"embedded": 0, "requests": 0, "tokens": 0, "cost_usd": 0.0}
    assert "vectors   nothing to embed; 5 found in the store" in report.plain(figures(**quiet))
    assert report.plain(figures(**quiet, reused=0)).splitlines()[2].endswith("nothing to embed")


def test_one_list_is_singular():
    assert "ivfflat, 1 list, 2 probes" in report.plain(figures(index={**SUCCESS["index"], "lists": 1, "probes": 2}))


def test_an_older_snapshot_says_why_the_table_did_not_change():
    assert "a newer snapshot is loaded already" in report.plain(figures(superseded=True))


def test_a_date_that_can_be_searched_says_so_and_how_much_it_brought():
    assert "history" not in report.plain(figures())
    assert "this date can be searched; 1,204 products differ from" in report.plain(figures(history=1204))
    assert "this date can be searched; 1 product differs from" in report.plain(figures(history=1))


def test_the_sample_catalog_suggests_the_search_of_the_readme():
    assert "vectorshelf search electronics 'portable coding machine'" in report.plain(figures(catalog="electronics"))


def test_a_run_that_never_began_has_every_key_of_one_that_ended_well():
    failed = report.failed_figures("shop", None, "no catalog is called shop")
    assert set(failed) == set(SUCCESS)
    assert {key: type(value) for key, value in failed["index"].items()}.keys() == SUCCESS["index"].keys()
    assert set(failed["seconds"]) == set(SUCCESS["seconds"])
    assert report.plain(failed).startswith("shop: failed in 0.00 s")


def test_shares_of_the_stages_add_up_and_follow_the_flow():
    found = run.stages(SUCCESS)
    assert [stage.name for stage in found] == ["extract", "plan", "embed", "load", "index"]
    assert sum(stage.share for stage in found) == 1


def test_a_stage_nobody_knows_is_shown_all_the_same():
    names = [stage.name for stage in run.stages(figures(seconds={"prepare": 1.0, "extract": 1.0, "weigh": 1.0}))]
    assert set(names) == {"prepare", "extract", "weigh"}
