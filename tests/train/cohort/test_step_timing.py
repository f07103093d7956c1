from imprint.train.cohort.step_timing import makespan


def test_makespan_is_that_of_workers_taking_the_next_task():
    assert makespan([3, 3, 3], 2) == 6
    assert makespan([4, 2, 1, 1], 2) == 4
    assert makespan([1.5], 3) == 1.5
