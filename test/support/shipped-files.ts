// What the files of the installed package lead to: their maps to sources, their links to files.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, join, normalize } from 'node:path';

/** A line of a built file, and the line that a debugger shows in its place. */
export interface MappedLine {
  readonly built: string;
  readonly source: string;
  readonly sourceFile: string;
}

/** Follows the map of a built file for each line that matches, as a debugger does. */
export async function mappedLines(
  folder: string,
  file: string,
  pattern: RegExp,
): Promise<MappedLine[]> {
  const built = (await readFile(join(folder, file), 'utf8')).split('\n');
  const payload = JSON.parse(await readFile(join(folder, `${file}.map`), 'utf8'));
  const map = new SourceMap(payload as SourceMapPayload);
  const matches = [...built.entries()].filter(([, line]) => pattern.test(line));
  return Promise.all(
    matches.map(async ([number, line]) => {
      const entry = map.findEntry(number, line.search(/\S/));
      if (!('originalSource' in entry)) return { built: line, source: '', sourceFile: '' };
      const sourceFile = normalize(join(dirname(file), entry.originalSource));
      const source = (await readFile(join(folder, sourceFile), 'utf8')).split('\n');
      return { built: line, source: source[entry.originalLine] ?? '', sourceFile };
    }),
  );
}

/** The sources that a map names and that are neither in it nor in the package. */
export async function missingSources(folder: string, file: string): Promise<string[]> {
  const { sources, sourcesContent = [] } = JSON.parse(
    await readFile(join(folder, file), 'utf8'),
  ) as { sources: string[]; sourcesContent?: unknown[] };
  return sources.filter((source, index) => {
    const path = normalize(join(dirname(file), source));
    const isInside = !path.startsWith('..') && existsSync(join(folder, path));
    return !isInside && typeof sourcesContent[index] !== 'string';
  });
}

/** The relative links of a Markdown file that lead to no file of the package, or to no heading in it. */
export async function brokenLinks(folder: string, file: string): Promise<string[]> {
  const text = withoutCode(await readFile(join(folder, file), 'utf8'));
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => String(link));
  const isBroken = await Promise.all(
    links.map(async (link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [path = '', heading] = link.split('#');
      const target = path === '' ? file : normalize(join(dirname(file), path));
      if (target.startsWith('..') || !existsSync(join(folder, target))) return true;
      if (heading === undefined) return false;
      return !headingsOf(await readFile(join(folder, target), 'utf8')).includes(heading);
    }),
  );
  return links.filter((_, index) => isBroken[index]);
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '');
}

/** As the usual renderers make anchors of headings. */
function headingsOf(markdown: string): string[] {
  const headings = markdown.replace(/^```.*?^```$/gms, '').matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading]) =>
    String(heading)
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
