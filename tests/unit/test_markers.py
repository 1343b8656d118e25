import pytest

from contracts.agent import AgentQuestion
from contracts.markers import COMMIT, NO_CHANGE, QUESTION, Spoken, read_markers


def test_an_answer_without_marks_is_its_text() -> None:
    assert read_markers("\nDone.\n\nTwo files.\n") == Spoken(text="Done.\n\nTwo files.")


@pytest.mark.parametrize(
    "line",
    [
        "NO CHANGE NEEDED: it is right",
        "no change needed: it is right",
        "  No change needed :   it is right  ",
        "**NO CHANGE NEEDED:** it is right",
        "**NO CHANGE NEEDED: it is right**",
        "> NO CHANGE NEEDED: it is right",
        "- NO CHANGE NEEDED: it is right",
        "## NO CHANGE NEEDED: it is right",
        "`NO CHANGE NEEDED: it is right`",
    ],
)
def test_a_mark_is_read_in_whatever_dress_it_comes(line: str) -> None:
    assert read_markers(f"Looked at it.\n{line}\nBye.").no_change_needed == "it is right"


@pytest.mark.parametrize(
    "text",
    [
        "NO CHANGE NEEDED",
        "NO CHANGE NEEDED:",
        "NO CHANGE NEEDED:  ** ",
        "QUESTION:",
        "QUESTION: | a | b",
        "COMMIT MESSAGE:   ",
        "I think NO CHANGE NEEDED: would be wrong here",
        "THE QUESTION: is it?",
        "",
    ],
)
def test_a_mark_without_words_or_inside_a_sentence_is_none(text: str) -> None:
    spoken = read_markers(text)
    assert (spoken.no_change_needed, spoken.question, spoken.commit_message) == ("", None, "")


def test_a_question_has_its_options() -> None:
    spoken = read_markers("QUESTION: Which base? | main |  release/2  | | dev")
    assert spoken.question == AgentQuestion(text="Which base?", options=["main", "release/2", "dev"])
    assert read_markers("QUESTION: Why?").question == AgentQuestion(text="Why?")


def test_no_more_than_ten_options_are_kept() -> None:
    question = read_markers("QUESTION: Which? | " + " | ".join(map(str, range(20)))).question
    assert question is not None
    assert question.options == [str(number) for number in range(10)]


@pytest.mark.parametrize("options", ["yes | Yes", f"yes | {'x' * 121}"])
def test_a_question_with_unusable_options_is_asked_in_words(options: str) -> None:
    assert read_markers(f"QUESTION: Sure? | {options}").question == AgentQuestion(text=f"Sure? | {options}")


def test_a_question_of_any_length_is_one() -> None:
    question = read_markers(f"QUESTION: {'x' * 9_000}").question
    assert question is not None
    assert len(question.text) == 4_000


def test_of_several_marks_of_one_sort_the_last_counts() -> None:
    assert read_markers(f"{COMMIT} one\n{COMMIT} two").commit_message == "two"
    assert read_markers(f"{NO_CHANGE} one\n{NO_CHANGE}").no_change_needed == "one"


def test_the_commit_message_is_taken_out_of_the_text_and_the_others_stay() -> None:
    text = f"Done.\n{COMMIT} Add a cart\n{NO_CHANGE} really\n{QUESTION} Or not?"
    spoken = read_markers(text)
    assert spoken.commit_message == "Add a cart"
    assert spoken.text == f"Done.\n{NO_CHANGE} really\n{QUESTION} Or not?"
