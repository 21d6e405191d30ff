import { engineContract } from '../contract/engine-contract.ts';
import { pythonOf } from '../contract/python-behaviour.ts';
import { openRuncUnderTest, runcUnavailable } from '../contract/runc-under-test.ts';
import { testPython } from '../contract/test-image.ts';

const unavailable = runcUnavailable();

engineContract({
  name: 'runc',
  ...(unavailable === undefined ? {} : { unavailable }),
  async newEngine() {
    const under = await openRuncUnderTest();
    return {
      engine: under.engine,
      image: under.image,
      command: (behaviour) => [testPython, '-I', '-c', pythonOf(behaviour)],
      dispose: () => under.dispose(),
    };
  },
  skip: [],
});
