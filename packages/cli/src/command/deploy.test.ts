import { expect, test } from 'vitest';
import { describeDeploy } from './deploy.ts';

const deployed = {
  application: 'iris',
  build: 'iris-1',
  revision: 'iris-1',
  image: 'sha256:00',
  layers: [],
  url: 'http://127.0.0.1:7080/apps/default/iris',
  example: undefined,
};

test('what a build warned of is told with its service, without what would move the cursor', () => {
  const text = describeDeploy({
    ...deployed,
    warnings: ['m.joblib was saved with another \u001b[2Jscikit-learn'],
  });
  expect(text).toMatch(/^warning: m\.joblib was saved with another \\x1b\[2Jscikit-learn$/m);
  expect(text.indexOf('warning')).toBeLessThan(text.indexOf('Service'));
});

test('who does not wait for the build hears what reading the source said', () => {
  const begun = { ...deployed, image: undefined, revision: undefined };
  expect(describeDeploy({ ...begun, warnings: ['A.py and a.py differ only in case or accents'] })).toMatch(
    /^warning: A\.py and a\.py.*\nApplication iris is being built as iris-1\.\nNext: galley logs build\/iris-1 -f$/,
  );
});
