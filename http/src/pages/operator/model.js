// What is known of the cluster: nodes with their actors, merged from answers and events. Draws nothing.

/** Actors asked for at once, and at most; the node's own bound is 1000. */
const PAGE = 1000, WINDOW_MAX = 100;

/** The path of the actor that a node is. */
const ROOT = "node";

const model = { nodes: new Map(), cannotSee: [] };

const parentOf = path => { const at = path.lastIndexOf("/"); return at < 0 ? "" : path.slice(0, at); };
const nameOf = path => path.slice(path.lastIndexOf("/") + 1);

/** Takes an answer to the tree without `under`: the nodes that there are, and their first actors. */
function takeRoots(answer) {
  model.cannotSee = answer.cannot_see || [];
  const names = new Set();
  for (const told of answer.nodes) {
    names.add(told.name);
    const node = model.nodes.get(told.name) || { actors: new Map(), kids: new Map() };
    node.told = told;
    model.nodes.set(told.name, node);
    // A node that did not answer keeps its last picture.
    if (told.answered) takeKids(node, "", "", told.actors || [], told.more_after);
  }
  for (const name of model.nodes.keys()) if (!names.has(name)) model.nodes.delete(name);
}

/** Takes an answer to the tree below `under`, from after the child `after` on, of the nodes that it is about. */
function takeBelow(answer, under, after) {
  for (const told of answer.nodes) {
    const node = model.nodes.get(told.name);
    if (node && told.answered) takeKids(node, under, after, told.actors || [], told.more_after);
  }
}

/** Puts the actors of one answer in order below their parents. */
function takeKids(node, under, after, actors, moreAfter) {
  const byParent = new Map([[under, []]]), more = moreAfter ?? null;
  for (const actor of actors) {
    node.actors.set(actor.path, actor);
    // The root of a node is shown as the node.
    if (actor.path === under || actor.path === ROOT) continue;
    const parent = actor.parent ?? parentOf(actor.path);
    if (!byParent.has(parent)) byParent.set(parent, []);
    byParent.get(parent).push(actor.path);
  }
  // Of deeper levels only what an answer holds whole is known to be whole.
  for (const [parent, paths] of byParent) if (parent === under || more === null) replaceRange(node, parent, parent === under ? after : "", paths, more);
}

/** Replaces the children of `parent` behind `after`, up to the last of `paths` or, if there is no `more`, up to the end. */
function replaceRange(node, parent, after, paths, more) {
  paths.sort();
  const kids = node.kids.get(parent) || { paths: [], more: null };
  const from = after ? firstAfter(kids.paths, after) : 0;
  const to = more === null ? kids.paths.length : paths.length ? Math.max(from, firstAfter(kids.paths, paths.at(-1))) : from;
  for (const path of kids.paths.slice(from, to)) if (!includesSorted(paths, path)) forget(node, path);
  // A window in the middle says nothing about the end.
  const reachesEnd = to === kids.paths.length;
  kids.paths = [...kids.paths.slice(0, from), ...paths, ...kids.paths.slice(to)];
  if (reachesEnd) kids.more = more; else if (kids.more !== null) kids.more = kids.paths.at(-1);
  node.kids.set(parent, kids);
}

function forget(node, path) {
  node.actors.delete(path);
  for (const kid of node.kids.get(path)?.paths || []) forget(node, kid);
  node.kids.delete(path);
}

/** The place of the first path behind `path` in sorted `paths`. */
function firstAfter(paths, path) {
  let low = 0, high = paths.length;
  while (low < high) { const middle = (low + high) >> 1; if (paths[middle] <= path) low = middle + 1; else high = middle; }
  return low;
}
const includesSorted = (paths, path) => paths[firstAfter(paths, path) - 1] === path;

/** Takes an event about an actor; whether it is one that is known. */
function takeStatus(event) {
  const actor = model.nodes.get(event.node)?.actors.get(event.path);
  if (!actor) return false;
  actor.status = event.status;
  return true;
}
