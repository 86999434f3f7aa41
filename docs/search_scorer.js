/* What the search puts first: instructions before explanations, both before the list of changes.
   Without it, pages that contain a word once or a hundred times come in the order of their titles. */
var SCORED_PAGES = [
  ["howto/", 3],
  ["start/", 3],
  ["reference/verbs", 3],
  ["understand/", 1],
  ["benchmarks/", -1],
  ["reference/changes", -4],
];

var Scorer = {
  score: ([name, , , , score]) =>
    score + (SCORED_PAGES.find(([beginning]) => name.startsWith(beginning)) ?? ["", 0])[1],
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
