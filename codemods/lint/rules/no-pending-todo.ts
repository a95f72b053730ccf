import { rule } from "../rule.js";

export const noPendingTodo = rule({
  docs: {
    description: "Marks of a migration are worked off.",
    why:
      "`// TRESTLE-TODO(TR1307)` marks a place that somebody has to look at; `npx trestle explain` tells more about it. The rule keeps " +
      "marks from being forgotten.",
    preset: "migration",
    bad: ["// TRESTLE-TODO(TR1307) who closes it?\nuse(1);"],
    good: ["// TODO: tidy up\nuse(1);"],
  },
  type: "suggestion",
  messages: { todo: "A mark of the migration is left here: {{text}}" },
  create(context) {
    const { sourceCode } = context;
    return {
      Program() {
        for (const comment of sourceCode.getAllComments()) {
          const [text] = /TRESTLE-TODO\b[^\n]*/.exec(comment.value) ?? [];
          if (text !== undefined) context.report({ loc: comment.loc, messageId: "todo", data: { text: text.trim() } });
        }
      },
    };
  },
});
