"""Collections: what lies in which, and how many; the folders of the ids are the whole truth."""

from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.articles import Article, collections_of

FOLDERS = st.lists(st.sampled_from(["policy", "policy-2025", "2025", "정책", "a b", "."]), max_size=4)
NAMES = st.sampled_from(["a.md", "policy", "2025.txt"])


def article(article_id: str) -> Article:
    return Article(article_id, "Tolm.", "Tolm", "en", ())


ARTICLES = st.lists(st.builds(lambda folders, name: article("/".join([*folders, name])), FOLDERS, NAMES), max_size=8)


def test_a_collection_is_the_folder_with_the_folders_below_it() -> None:
    ids = ["policy/2025/b.md", "policy-old/c.md", "policy/a.md", "policy.md"]
    articles = [article(name) for name in ids]
    assert [one.collection for one in articles] == ["policy/2025", "policy-old", "policy", None]
    assert [one.id for one in articles if one.is_in("policy")] == ["policy/2025/b.md", "policy/a.md"]
    assert [one.id for one in articles if one.is_in("policy/2025/")] == ["policy/2025/b.md"]
    assert not any(one.is_in(name) for one in articles for name in ("", "/", "pol", "2025", "policy.md"))
    assert list(collections_of(articles).items()) == [("policy", 2), ("policy/2025", 1), ("policy-old", 1)]


@given(ARTICLES)
@settings(max_examples=80)
def test_a_collection_counts_what_is_in_it(articles: list[Article]) -> None:
    counts = collections_of(articles)
    assert counts == {name: sum(one.is_in(name) for one in articles) for name in counts}
    assert {one.collection for one in articles} - {None} <= counts.keys()
    # Every article with a collection is in one at the top, and in one only.
    top = sum(count for name, count in counts.items() if "/" not in name)
    assert top == sum(one.collection is not None for one in articles)


@given(ARTICLES)
@settings(max_examples=80)
def test_a_collection_comes_right_before_those_below_it(articles: list[Article]) -> None:
    names = list(collections_of(articles))
    for place, name in enumerate(names):
        below = [other for other in names if other.startswith(f"{name}/")]
        assert names[place + 1 : place + 1 + len(below)] == below
        assert "/" not in name or name.rpartition("/")[0] in names
