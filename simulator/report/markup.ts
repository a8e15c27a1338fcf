/** Text that is markup already: HTML, or the SVG in it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes. What is no markup is escaped; undefined is nothing. */
export type Content = Markup | string | number | undefined | readonly Content[];

/** Markup from a template: whatever is put in and is no markup is shown as it is written. */
export function markup(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  let text = parts[0] ?? '';
  for (const [i, content] of contents.entries()) text += textOf(content) + (parts[i + 1] ?? '');
  return new Markup(text);
}

function textOf(content: Content): string {
  if (content === undefined) return '';
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(textOf).join('');
  return escaped(String(content));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** What no text may have becomes a question mark: control characters, and halves of characters. */
function escaped(text: string): string {
  return text
    .replace(/[^\P{Cc}\n\t]|\p{Cs}/gu, '?')
    .replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
