"""Rules: predicates over one event. Text in a dialect goes in, a closure that answers yes or no comes out.

    text ──expression──┐                      ┌──▶ compile ──▶ Predicate (EventView -> bool)
    text ──ibm─────────┴──▶ tree (checked) ───┼──▶ necessary   what `type` must be, for a routing index
                                              ├──▶ names       which names it reads, which are unknown
                                              └──▶ printer     back to the expression dialect

    tree          the one syntax tree that every dialect is translated into
    limits        how large, deep and costly a rule may be
    evaluation    what a predicate is, and what happens when one cannot be evaluated
    scanner       reading rule text with positions, for the dialects
    expression    the dialect `severity >= error and type starts-with sync.` (Ironcore's)
    ibm, jsonpath the dialect of IBM Event Notifications (`$.data.age > 20 && not($.type == 'x')`)
    compile       tree to closure; named, names, paths, comparison, ordered and globs are its parts
    necessary     conditions that every matching event meets
    regex, regex_syntax  searching for a regular expression, in linear time
    moments       the parts of an event's time that atoms ask for
    explain       which atoms made the answer
    index         which of many rules an event can match at all
    printer, ibm_printer, quoting  tree to text

The room knows events and nothing else: no topics, no subscriptions, no storage, and of the libraries
only the standard one. What holds for every dialect (checked in `limits`, laid down in `compile`):

*   What is missing matches nothing: an atom whose operand is not there is false, `!=` included. `not`
    negates that answer, so `not actor = root` holds for an event without an actor.
*   Values of different types never match, in no comparison; null is told apart by `=` and `!=` only.
*   A path that selects several values matches if one of them does.
*   A rule that cannot be compiled is refused with `Invalid`; one that cannot be evaluated on some
    event matches nothing, whatever `not` surrounds it, and is counted.
"""
