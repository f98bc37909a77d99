"""CSV as it is met: every quirk is read, and what does not fit is named."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from gossipfl.data import Categorical, Dataset, Numeric, Schema, make_schema, read_features, read_table
from gossipfl.errors import DataError

PEOPLE = "age,job,sick\n30,nurse,yes\n40,cook,no\n50,nurse,no\n"


def write(folder: Path, text: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


def load(folder: Path, text: str | bytes, target: str = "sick") -> Dataset:
    path = write(folder, text)
    return read_table(path, make_schema([path], target))


def people(folder: Path) -> Schema:
    return make_schema([write(folder, PEOPLE, "people.csv")], "sick")


def test_numbers_are_standardised_and_words_become_ones(tmp_path: Path) -> None:
    table = load(tmp_path, PEOPLE)
    assert table.feature_names == ("age", "job=cook", "job=nurse")
    assert table.classes == ("no", "yes")
    assert table.targets.tolist() == [1, 0, 0]
    np.testing.assert_allclose(table.features[:, 0], [-np.sqrt(1.5), 0, np.sqrt(1.5)])
    assert table.features[:, 1:].tolist() == [[0, 1], [1, 0], [0, 1]]
    assert table.groups["job"].tolist() == ["nurse", "cook", "nurse"]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + PEOPLE,
        PEOPLE.replace("\n", "\r\n"),
        PEOPLE.replace("\n", "\r"),
        PEOPLE.replace(",", ";"),
        PEOPLE.replace(",", "\t"),
        PEOPLE.replace(",", "|"),
        PEOPLE.replace(",", " "),
        PEOPLE.replace(",", "   "),
        PEOPLE.replace(",", ", "),
        PEOPLE.replace("nurse", '"nurse"'),
        PEOPLE.replace("nurse", ' "nurse" ').replace("cook", "cook "),
        PEOPLE.removesuffix("\n"),
        PEOPLE.replace("\n", "\n\n"),
        PEOPLE.replace("30", "+30").replace("40", "4e1"),
    ],
)
def test_the_same_table_is_read_however_it_is_written(tmp_path: Path, text: str) -> None:
    plain, quirky = load(tmp_path, PEOPLE), load(tmp_path, text)
    assert quirky.schema is not None
    assert plain.schema is not None
    assert quirky.schema.hash == plain.schema.hash
    np.testing.assert_array_equal(quirky.features, plain.features)
    np.testing.assert_array_equal(quirky.targets, plain.targets)


def test_a_quoted_cell_may_hold_delimiter_quote_and_line_break(tmp_path: Path) -> None:
    table = load(tmp_path, 'n,job,sick\n1,"a, ""b""\nc",yes\n2,d,no\n3, "a, e",no\n')
    assert table.groups["job"].tolist() == ['a, "b"\nc', "d", "a, e"]


def test_without_header_columns_are_named_by_their_place(tmp_path: Path) -> None:
    path = write(tmp_path, "39, State-gov, <=50K\n50, Private, >50K\n38, Private, <=50K\n")
    by_name, by_last = make_schema([path], "column_3"), make_schema([path], "last")
    assert by_name.hash == by_last.hash
    assert not by_name.header
    assert len(read_table(path, by_name)) == 3


def test_a_first_row_that_names_the_target_is_a_header_even_among_words(tmp_path: Path) -> None:
    table = load(tmp_path, "colour,taste,edible\nred,bad,no\nbrown,good,yes\n", "edible")
    assert len(table) == 2


def test_a_header_can_be_denied(tmp_path: Path) -> None:
    path = write(tmp_path, "a,x\n1,y\n2,x\n")
    schema = make_schema([path], "column_2", header=False, categorical=["column_1"])
    assert len(read_table(path, schema)) == 3


@pytest.mark.parametrize("token", ["", "NA", "N/A", "nan", "null", "None", "?", " ? "])
def test_a_missing_number_is_the_mean_and_a_missing_word_is_no_category(tmp_path: Path, token: str) -> None:
    table = load(tmp_path, f"age,job,sick\n30,nurse,yes\n{token},{token},no\n50,cook,no\n")
    assert table.features[1].tolist() == [0, 0, 0]
    assert table.groups["job"].tolist() == ["nurse", "?", "cook"]


def test_a_constant_column_has_scale_one(tmp_path: Path) -> None:
    table = load(tmp_path, "a,sick\n5,yes\n5,no\n")
    assert table.features.tolist() == [[0], [0]]


def test_a_constant_column_is_zero_however_its_mean_is_rounded(tmp_path: Path) -> None:
    path = write(tmp_path, "x,y\n" + "0.1,a\n0.1,b\n" * 500)
    schema = make_schema([path], "y")
    assert schema.columns[0] == Numeric("x", 0.1, 1.0)
    assert not read_features(path, schema)[0].any()


def test_thousands_of_columns_are_read_in_seconds(tmp_path: Path) -> None:
    columns = 5_000
    rows = "".join(",".join(["1"] * columns) + f",{word}\n" for word in "ab")
    began_s = time.process_time()
    table = load(tmp_path, ",".join(f"c{i}" for i in range(columns)) + ",sick\n" + rows)
    assert table.features.shape == (2, columns)
    assert time.process_time() - began_s < 10


def test_a_dropped_column_can_still_split_the_rows(tmp_path: Path) -> None:
    path = write(tmp_path, "hospital,age,sick\nA,30,yes\nB,40,no\nA,50,no\n")
    table = read_table(path, make_schema([path], "sick", drop=["hospital"]))
    assert table.feature_names == ("age",)
    assert table.groups["hospital"].tolist() == ["A", "B", "A"]


def test_columns_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    schema = people(tmp_path)
    mixed = write(tmp_path, "sick,extra,job,age\nyes,7,nurse,30\nno,7,cook,40\nno,8,nurse,50\n")
    expected = read_table(tmp_path / "people.csv", schema)
    np.testing.assert_array_equal(read_table(mixed, schema).features, expected.features)


def test_a_schema_covers_several_files(tmp_path: Path) -> None:
    one = write(tmp_path, "x,job,y\n1,a,p\n2,b,p\n", "one.csv")
    two = write(tmp_path, "y,x,job\nq,3,c\nq,6,a\n", "two.csv")
    schema = make_schema([one, two], "y")
    assert schema.classes == ("p", "q")
    assert schema.columns == (
        Numeric("x", 3.0, float(np.std([1, 2, 3, 6]))),
        Categorical("job", ("a", "b", "c")),
    )


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("x,y\n1,0\n2,1\n3,1\n", "classes"),
        ("x,y\n1,0.5\n2,1\n3,1\n", "numbers"),
        ("x,y\n1,a\n2,b\n", "classes"),
    ],
)
def test_the_task_is_guessed_from_the_target(tmp_path: Path, text: str, task: str) -> None:
    assert (load(tmp_path, text, "y").classes is not None) == (task == "classes")


def test_the_task_can_be_forced(tmp_path: Path) -> None:
    path = write(tmp_path, "x,y\n1,0\n2,1\n3,5\n")
    table = read_table(path, make_schema([path], "y", task="numbers"))
    assert table.classes is None
    np.testing.assert_allclose(table.targets * table.target_scale + table.target_mean, [0, 1, 5])


def test_integer_classes_are_in_the_order_of_numbers_and_read_with_a_point(tmp_path: Path) -> None:
    path = write(tmp_path, "x,y\n1,10\n2,9\n3,2\n")
    schema = make_schema([path], "y")
    assert schema.classes == ("2", "9", "10")
    other = write(tmp_path, "x,y\n1,10.0\n2,2.0\n", "b.csv")
    assert read_table(other, schema).targets.tolist() == [2, 0]


def test_features_are_read_where_the_target_is_absent(tmp_path: Path) -> None:
    schema = people(tmp_path)
    path = write(tmp_path, "age,job\n40,cook\n")
    assert read_features(path, schema)[0].tolist() == [[0, 1, 0]]


def test_without_header_features_are_read_where_the_target_is_absent(tmp_path: Path) -> None:
    schema = make_schema([write(tmp_path, "p,1,5\nq,3,6\nq,2,7\n")], "column_1")
    path = write(tmp_path, "2,6\n", "new.csv")
    assert read_features(path, schema)[0].tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PEOPLE.replace("50", "abc"), 'people.csv: column "age", row 3: "abc" is not a number'),
        (PEOPLE.replace("50", "abc"), "mark it missing by leaving it empty or writing NA."),
        (
            PEOPLE.replace("40", '"40,5"'),
            'column "age", row 2: "40,5" has a decimal comma; write numbers with a point',
        ),
        (PEOPLE.replace("40,cook", "inf,cook"), 'column "age", row 2: "inf" is not a number'),
        (PEOPLE.replace("40,cook", "4e99,cook"), 'column "age", row 2: "4e99" is too far from'),
        (PEOPLE.replace("40,cook", "+-40,cook"), 'column "age", row 2: "+-40" is not a number'),
        (
            PEOPLE.replace("cook", "nurze"),
            'column "job", row 2: "nurze" is not a category of the schema; did you mean "nurse"?',
        ),
        (
            PEOPLE.replace("yes", "maybe"),
            'column "sick", row 1: "maybe" is not a class of the schema; known are "no",',
        ),
        (PEOPLE.replace("yes", ""), 'column "sick", row 1: the cell is missing, and it is the target'),
        (PEOPLE.replace("age", "agee"), 'column "age" is missing; did you mean "agee"?'),
        (PEOPLE.replace("sick", "ill"), 'column "sick" is missing; known are "age", "job", "ill".'),
        (PEOPLE.replace("40,cook,no", "40,cook"), "line 3 has 2 cells and the first line has 3"),
        (PEOPLE.replace("40,cook,no", "40,cook,no,no"), "line 3 has 4 cells and the first line has 3"),
        (PEOPLE.replace("cook", '"cook'), "people.csv: "),
        pytest.param(PEOPLE.replace("cook", '"' + 200_000 * "k"), "never closed", id="endless cell"),
        pytest.param(PEOPLE + '1,"' + 200_000 * "k" + '",no\n2\n', "a cell is longer", id="long cell"),
        pytest.param(PEOPLE + 20_000 * "30,cook,no\n" + "30,cook,no\0\n", "not a text file", id="late NUL"),
        pytest.param(60 * "\n" + "x", "a header and no rows", id="blank lines"),
        (PEOPLE.replace("job", "age"), 'two columns are named "age"'),
        ("age,job,sick\n", "the file has a header and no rows"),
        ("30,nurse,yes\n40,cook,no\n", 'give the file a header with "age" and the others'),
        ("", "the file is empty"),
        ("\n\n", "the file has no rows"),
        (PEOPLE.replace("cook", "k\xf6ch").encode("latin-1"), "line 3 is not UTF-8 text"),
        (b"\x00\x01\x02", "not a text file"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str | bytes, words: str) -> None:
    schema = people(tmp_path)
    path = write(tmp_path, text, "people.csv")
    with pytest.raises(DataError) as wrong:
        read_table(path, schema)
    assert words in str(wrong.value)


def test_rows_are_counted_as_they_stand_in_the_file(tmp_path: Path) -> None:
    schema = people(tmp_path)
    path = write(tmp_path, "age,job,sick\n30,nurse,yes\n\n,,\nold,cook,no\n")
    with pytest.raises(DataError, match='row 4: "old"'):
        read_table(path, schema)


def test_features_come_with_the_number_of_their_row_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "age,job\n40,cook\n,\n40,cook\n")
    assert read_features(path, people(tmp_path))[1].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("age,y\n1,a\n2,b\nabc,a\n4,b\n", {}, 'column "age", row 3: "abc" is not a number'),
        (PEOPLE, {"drop": ["jbo"]}, 'column "jbo" is missing; did you mean "job"?'),
        (PEOPLE, {"drop": ["sick"], "target": "sick"}, "cannot be dropped"),
        (PEOPLE, {"delimiter": ";;"}, "must be one ASCII character"),
        (PEOPLE, {"delimiter": '"'}, "no quote"),
        ("x,y\n1e308,a\n-1e308,b\n", {}, 'column "x" needs a finite mean'),
        (PEOPLE, {"target": "sik"}, 'did you mean "sick"?'),
        (PEOPLE, {"numeric": ["job"]}, 'column "job", row 1: "nurse" is not a number'),
        (PEOPLE, {"numeric": ["age"], "categorical": ["age"]}, "cannot be both"),
        ("x,e,y\n1,,a\n2,,b\n", {}, 'column "e" has no value in any row; drop it.'),
        ("x,y\n1,a\n2,a\n", {}, 'one class only, "a"'),
        ("x,y\n" + "".join(f"t{i},{i % 2}\n" for i in range(101)), {}, "101 different texts"),
    ],
)
def test_a_schema_that_cannot_be_made_says_why(
    tmp_path: Path, text: str, options: dict[str, object], words: str
) -> None:
    settings: dict[str, object] = {
        "target": text.split("\n", maxsplit=1)[0].rsplit(",", maxsplit=1)[-1],
        **options,
    }
    with pytest.raises(DataError) as wrong:
        make_schema([write(tmp_path, text)], **settings)  # type: ignore[arg-type]
    assert words in str(wrong.value)


@pytest.mark.parametrize(
    "text",
    [
        "kg;y\n" + "".join(f"{i},5;{'ab'[i % 2]}\n" for i in range(150)),
        "kg;y\n89,5;a\n90;b\n+7,25;a\n-1;b\nheavy;a\n",
        "kg;y\n;a\n89,5;b\n89,5;a\n",
        "y;kg\na;89,5\nb;90,5\n",
    ],
)
@pytest.mark.parametrize("target", ["y", "kg", "last"])
def test_decimal_commas_are_told_of_and_not_taken_for_words(tmp_path: Path, text: str, target: str) -> None:
    path = write(tmp_path, text.replace("\n;a", "\n1;a") if target == "kg" else text)
    with pytest.raises(
        DataError, match=r'"kg", row \d: "\d+,5" has a decimal comma; .* with a point'
    ) as wrong:
        make_schema([path], target)
    assert str(wrong.value).endswith(", or say that the column is categorical.")


def test_a_column_of_codes_with_commas_can_be_said_to_be_categorical(tmp_path: Path) -> None:
    schema = make_schema([write(tmp_path, "code;y\n1,2;a\n3,4;b\n")], "y", categorical=["code"])
    assert schema.columns == (Categorical("code", ("1,2", "3,4")),)


def test_an_absent_file_or_a_folder_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "no.csv", tmp_path):
        with pytest.raises(DataError, match=path.name):
            make_schema([path], "y")
