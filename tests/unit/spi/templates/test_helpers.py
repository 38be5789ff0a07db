"""What each helper makes of good and of odd values."""

import pytest

from gateway.spi.templates import Target, compile_template
from gateway.spi.templates.calls import HELPERS

CONTEXT = {
    "a": "Abc",
    "n": 1536,
    "list": ["x", 2, None],
    "object": {"k": 1},
    "severity": "error",
    "when": "2026-05-21T02:14:35Z",
    "people": {"j@x.test": {"name": "J"}},
    "mailto": '["k@x.test", "j@x.test"]',
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{upper a}}{{lower a}}", "ABCabc"),
        ("{{default missing 'd'}}{{default a 'd'}}{{default '' 1}}{{default false 1}}", "dAbc1false"),
        (
            "{{truncate 'abcdef' 4}}|{{truncate 'abcd' 4}}|{{truncate 'abcdef' 4 '...'}}|{{truncate a 0}}",
            "abc…|abcd|a...|",
        ),
        ("{{join list}}|{{join list '-'}}|{{join a}}", "x, 2, |x-2-|Abc"),
        ("{{between 'from 85 to 71' 'from ' ' to'}}|{{between a 'x' 'y'}}|{{between 'a=b' '=' ''}}", "85||b"),
        ("{{lookup object 'k'}}{{lookup list 0}}{{lookup a 'x'}}", "1x"),
        ("{{json list}} {{json missing}} {{json a}}", '["x",2,null] null "Abc"'),
        ("{{json object pretty=true}}", '{\n  "k": 1\n}'),
        ("{{url 'a b/ü'}} {{url-encode '&'}}", "a%20b%2F%C3%BC %26"),
        ("{{escape '<\"'}} {{escape '<' 'html'}} {{escape '\"' 'json'}}", '<" &lt; \\"'),
        (
            "{{bytes n}} {{bytes 0}} {{bytes 1023}} {{human-bytes '1048576'}} {{bytes a}}",
            "1.5 KiB 0 B 1023 B 1 MiB Abc",
        ),
        (
            "{{duration 0}} {{duration 60}} {{duration 93784}} {{duration 0.25}}",
            "0s 1m 1d 2h 3m 4s 250ms",
        ),
        ("{{relative-percentage 1 3}} {{relative-percentage 1 0}} {{relative-percentage a 1}}", "33.33% - -"),
        ("{{date when}}", "2026-05-21 02:14:35 UTC"),
        ("{{date when '%d.%m.%Y %H:%M' tz='Europe/Berlin'}}", "21.05.2026 04:14"),
        (
            "{{timestamp 1747792475}} {{date 1747792475000 '%Y'}} {{date a}} {{date missing}}",
            "2025-05-21 01:54:35 2025 Abc ",
        ),
        ("{{date '99999999999999999999'}} {{date '2026-13-01'}}", "99999999999999999999 2026-13-01"),
        (
            "{{#contains list 2}}1{{/contains}}{{#contains object 'k'}}2{{/contains}}",
            "12",
        ),
        ("{{contains a 'bc'}}{{starts-with a 'A'}}{{ends-with a 'x'}}", "truetruefalse"),
        (
            "{{eq n '1536'}}{{ne n 1}}{{lt 2 10}}{{lt '2' '10'}}{{gte n 1536}}{{gt a 1}}{{lte missing 1}}",
            "truetruetruetruetruefalsefalse",
        ),
        ("{{gte severity 'warning'}}{{gte severity 'critical'}}{{lt severity 'unheard'}}", "truefalsefalse"),
        ("{{and a n}}{{and a missing}}{{or missing n}}{{not a}}{{not list}}", "truefalsetruefalsefalse"),
        (
            "{{ibmenreferer people mailto 'name'}}{{ibmenreferer people 'j@x.test' 'name'}}",
            "JJ",
        ),
        ("{{duration -5}} {{duration a}}", "-5s Abc"),
        ("{{upper}}{{a}}{{date}}", "Abc"),
    ],
)
def test_a_helper_gives_what_it_says(text, expected):
    assert compile_template(text, Target.TEXT).render(CONTEXT) == expected


ODD = [None, "", "x", 1, 1.5, -1e308, True, [], [[{}]], {}, {"x": None}, "\x00\ud800", 10**400, 10**5000]


@pytest.mark.parametrize("name", HELPERS)
@pytest.mark.parametrize("place", range(len(ODD)))
def test_no_value_makes_a_helper_fail_in_an_unforeseen_way(name, place):
    helper = HELPERS[name]
    for count in range(helper.fewest, helper.most + 1):
        given = [
            "a" if position not in helper.fixed else "'%Y'" if name == "date" else "'html'"
            for position in range(count)
        ]
        template = compile_template("{{" + " ".join([name, *given]) + "}}", Target.TEXT)
        if name != "truncate":
            template.render({"a": ODD[place]})


def test_every_documented_example_of_a_helper_compiles():
    for helper in HELPERS.values():
        compile_template("{{" + helper.usage.replace(" ...", "") + "}}", Target.TEXT)
