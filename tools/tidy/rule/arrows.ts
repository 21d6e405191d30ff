import { arrows } from '../arrows.ts';
import { importsOf } from '../imports.ts';
import { roomOf } from '../path.ts';
import type { Rule } from '../rule.ts';

/** Imports between rooms follow the table, for values and for types. */
export const arrowsRule: Rule = {
  name: 'rooms use only the rooms to their left',
  check(tree) {
    return [...importsOf(tree)].flatMap(([path, imports]) => {
      const room = roomOf(path);
      if (room === undefined) return [];
      const allowed = arrows[room];
      if (allowed === undefined) {
        return [
          { path, line: 1, message: `packages/${room} is not in tools/tidy/arrows.ts; add it, with an ADR` },
        ];
      }
      return imports.flatMap(({ target, line, specifier }) => {
        if (target === undefined) return [];
        const used = roomOf(target);
        if (used === room) {
          if (!specifier.startsWith('@galley/')) return [];
          return [
            { path, line, message: `${specifier} is this room itself; import it by its relative path` },
          ];
        }
        if (used === undefined)
          return [{ path, line, message: `a room may not use ${target}; move it into a room` }];
        if (allowed.includes(used)) {
          if (specifier.startsWith('@galley/')) return [];
          return [
            { path, line, message: `${specifier} leaves the room by a relative path; use @galley/${used}/…` },
          ];
        }
        return [
          {
            path,
            line,
            message: `${room} may not use ${used} (${specifier}); move what both need into a room to their left`,
          },
        ];
      });
    });
  },
};
