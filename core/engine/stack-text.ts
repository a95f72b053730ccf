// Reading a stack as text: engines agree neither on its first line nor on the shape of the others.

/** The lines of a stack that name places, as they are. */
export function placesIn(stack: string | undefined): string[] {
  const lines = stack?.split("\n") ?? [];
  const v8 = lines.filter((line) => /^\s+at /.test(line));
  return v8.length > 0 ? v8 : lines.filter((line) => /@.*:\d+$/.test(line));
}

/** "file:line:column" of a line that names a place; what the line says instead, where it names the language itself. */
export function locationIn(place: string): string {
  // "at name (file:1:2)", "at async file:1:2", "name@file:1:2".
  return /^\s+at /.test(place)
    ? place.replace(/^\s+at (async )?/, "").replace(/^[^(]* \((.*)\)$/, "$1")
    : place.replace(/^[^@]*@/, "");
}

/** The first place that a stack names, as "file:line:column". */
export function firstPlace(stack: string | undefined): string | undefined {
  const [first] = placesIn(stack);
  return first === undefined ? undefined : locationIn(first);
}
