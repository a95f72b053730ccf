/** Tarjan's strongly connected components of the call graph, in reverse topological order: leaves come first. */

export function components<T>(nodes: readonly T[], edgesOf: (node: T) => Iterable<T>): T[][] {
  const index = new Map<T, number>();
  const low = new Map<T, number>();
  const onStack = new Set<T>();
  const stack: T[] = [];
  const found: T[][] = [];

  for (const start of nodes) {
    if (index.has(start)) continue;
    // An explicit stack: call graphs may be deeper than ours may recurse.
    const work: { node: T; edges: Iterator<T> }[] = [];
    const enter = (node: T): void => {
      index.set(node, index.size);
      low.set(node, index.size - 1);
      stack.push(node);
      onStack.add(node);
      work.push({ node, edges: edgesOf(node)[Symbol.iterator]() });
    };
    enter(start);
    while (work.length > 0) {
      const { node, edges } = work[work.length - 1] as { node: T; edges: Iterator<T> };
      const step = edges.next();
      if (step.done !== true) {
        const next = step.value;
        if (!index.has(next)) enter(next);
        else if (onStack.has(next)) low.set(node, Math.min(low.get(node) ?? 0, index.get(next) ?? 0));
        continue;
      }
      work.pop();
      const parent = work[work.length - 1]?.node;
      if (parent !== undefined) low.set(parent, Math.min(low.get(parent) ?? 0, low.get(node) ?? 0));
      if (low.get(node) !== index.get(node)) continue;
      const component: T[] = [];
      for (;;) {
        const member = stack.pop() as T;
        onStack.delete(member);
        component.push(member);
        if (member === node) break;
      }
      found.push(component.reverse());
    }
  }
  return found;
}
