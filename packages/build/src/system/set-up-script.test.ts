import { describe, expect, it } from 'vitest';
import { installOrder } from './install-order.ts';
import { alternativeLinks, parseSetUpScript } from './set-up-script.ts';

// As in liblapack3 and libblas3 of bookworm.
const lapack = `#!/bin/sh
set -e
if [ "$1" = "configure" ]; then
  update-alternatives --install /usr/lib/x86_64-linux-gnu/liblapack.so.3 \\
                      liblapack.so.3-x86_64-linux-gnu \\
                      /usr/lib/x86_64-linux-gnu/lapack/liblapack.so.3 10
fi
exit 0
`;

describe('what the set-up script of a Debian package would do', () => {
  it('is done where it is a link', () => {
    const script = parseSetUpScript(lapack);
    expect(script.mustRun).toBe(false);
    expect(alternativeLinks([script])).toMatchObject([
      {
        path: 'usr/lib/x86_64-linux-gnu/liblapack.so.3',
        type: 'symlink',
        linkTarget: '/usr/lib/x86_64-linux-gnu/lapack/liblapack.so.3',
      },
    ]);
  });

  it('gives a link to the package of highest priority', () => {
    const offer = (target: string, priority: number): ReturnType<typeof parseSetUpScript> =>
      parseSetUpScript(`update-alternatives --install /usr/bin/x x ${target} ${priority}`);
    const [link] = alternativeLinks([
      offer('/usr/bin/low', 1),
      offer('/usr/bin/high', 50),
      offer('/usr/bin/mid', 10),
    ]);
    expect(link?.linkTarget).toBe('/usr/bin/high');
  });

  it.each([
    'dot -c',
    'adduser --system x',
    'update-alternatives --install $link x $target 10',
    'ln -s /a /b',
  ])('must be run when it is %s', (line) => {
    expect(parseSetUpScript(`#!/bin/sh\nset -e\n${line}\n`).mustRun).toBe(true);
  });

  it.each([
    '',
    '#!/bin/sh\nset -e\nldconfig\n',
    '#!/bin/sh\nset -e\ncase "$1" in\nconfigure)\n;;\nesac\nexit 0\n',
  ])('is nothing when it is %j', (text) => {
    expect(parseSetUpScript(text)).toEqual({ alternatives: [], mustRun: false, text, beside: {} });
  });
});

describe('the order in which packages are set up', () => {
  it('puts what a package depends on before it, by what it provides too, and ends where packages need each other', () => {
    const controls = new Map([
      ['app', 'Package: app\nDepends: lib (>= 1.0), mail-transport-agent | nothing,\n tools\n'],
      ['exim', 'Package: exim\nProvides: mail-transport-agent\n'],
      ['lib', 'Package: lib\nPre-Depends: libc\nDepends: lib-data\n'],
      ['lib-data', 'Package: lib-data\nDepends: lib\n'],
      ['tools', 'Package: tools\n'],
    ]);
    const order = installOrder(controls);
    expect([...order].sort()).toEqual([...controls.keys()].sort());
    for (const [first, then] of [
      ['exim', 'app'],
      ['tools', 'app'],
      ['lib-data', 'lib'],
      ['lib', 'app'],
    ])
      expect(order.indexOf(first ?? '')).toBeLessThan(order.indexOf(then ?? ''));
  });
});
