import { expect, test } from 'vitest';
import { parseImageUser } from './image-user.ts';

const files = {
  passwd:
    'root:x:0:0:root:/root:/bin/sh\ndefault:x:1001:0::/opt/app-root/src:/sbin/nologin\nguest:x:1002:50::/:\n',
  group: 'root:x:0:\nguests:x:50:\ndata:x:60:guest,default\nwide:x:70000:other\n',
};

test.each([
  ['', { uid: 0, gid: 0, groups: [], home: '/root' }],
  ['default', { uid: 1001, gid: 0, groups: [60], home: '/opt/app-root/src' }],
  ['1001', { uid: 1001, gid: 0, groups: [60], home: '/opt/app-root/src' }],
  ['4711', { uid: 4711, gid: 0, groups: [], home: undefined }],
  ['guest', { uid: 1002, gid: 50, groups: [60], home: '/' }],
  ['guest:data', { uid: 1002, gid: 60, groups: [], home: '/' }],
  ['0:50', { uid: 0, gid: 50, groups: [], home: '/root' }],
])('the user %j is found as Docker finds it', (text, user) => {
  expect(parseImageUser(text, files)).toEqual(user);
});

test.each(['nobody', '70000', 'default:nogroup', 'default:wide', '-1'])(
  'the user %j is refused: the image has no such id',
  (text) => {
    expect(() => parseImageUser(text, files)).toThrow(/has no user/);
  },
);
